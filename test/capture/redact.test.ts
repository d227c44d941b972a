// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {redactor} from '../../src/capture/redact.ts'

const clean = (text: string, host = 'rt-07.example.org') => redactor(host).text(text)

describe('data that identifies one machine is redacted', () => {
  test.each([
    ['systemd[1]: Hostname set to <rt-07>.', 'systemd[1]: Hostname set to <redacted-host>.'],
    ['ip=::::rt-07.example.org:eth0', 'ip=::::redacted-host:eth0'],
    ['(root@RT-07) (gcc 12)', '(root@redacted-host) (gcc 12)'],
    ['eth0: 52:54:00:Ab:cd:ef up', 'eth0: 02:00:00:00:00:01 up'],
    ['BOOTIF=01-52-54-00-ab-cd-ef', 'BOOTIF=02:00:00:00:00:01'],
    ['usb 1-1: SerialNumber: 0123456789', 'usb 1-1: SerialNumber: REDACTED'],
    ['ID_SERIAL=Samsung_S4X', 'ID_SERIAL=REDACTED'],
    ['nvme0: wwid: eui.0025385a71b0', 'nvme0: wwid: eui.REDACTED'],
    ['root=UUID=0a1b2c3d-1111-2222-3333-444455556666', 'root=UUID=00000000-0000-4000-8000-000000000001'],
  ])('%s', (text, expected) => {
    expect(clean(text)).toBe(expected)
  })
})

test.each([
  'PCI-MSIX-0000:00:05.0 1-edge nvme0q1',
  '00000000,ffffffff,00000000,ffffffff',
  'serial8250: ttyS0 at I/O 0x3f8 (irq = 4)',
  'cpu#3, 2445.423 MHz',
  'the-rt-07-pool, rt-071, xrt-07',
])('%s stays', (text) => {
  expect(clean(text)).toBe(text)
})

test('without a host name no word is redacted', () => {
  expect(clean('localhost login', 'localhost')).toBe('localhost login')
  expect(clean('a b', '')).toBe('a b')
})

test('the same value gets the same replacement, in paths as well', () => {
  const redact = redactor('h')
  expect(redact.text('52:54:00:00:00:01 52:54:00:00:00:02 52:54:00:00:00:01')).toBe(
    '02:00:00:00:00:01 02:00:00:00:00:02 02:00:00:00:00:01',
  )
  expect(redact.path('/sys/class/net/enx525400000002/queues')).toBe('/sys/class/net/enx020000000002/queues')
  expect(redact.text('enx525400000002-rx-0')).toBe('enx020000000002-rx-0')
  expect(redact.counts()).toMatchObject({'MAC addresses': 5, 'host names': 0})
})

test('only the variables that facts read are kept of an environment', () => {
  const variables = [
    'PASSWORD=hunter2',
    'IRQBALANCE_BANNED_CPULIST=2-3',
    'SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22',
    '',
  ]
  expect(redactor('h').environment(variables.join('\0'))).toBe('IRQBALANCE_BANNED_CPULIST=2-3\0')
})
