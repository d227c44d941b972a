// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {grubProblems, parseGrubCfg} from '../../src/boot/grub.ts'

const ISOLCTL = join(import.meta.dirname, '../../bin/run.js')
const CFG = '/boot/grub/grub.cfg'
const patient = {timeout: 120_000}
let scratch: string

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'isolctl-grub-'))
})
afterEach(async () => {
  await rm(scratch, {recursive: true})
})

/**
 * Run a script with the real GRUB programs in a container whose writes are discarded. The script
 * can call `isolctl`.
 */
async function debian(script: string): Promise<string> {
  const elevate = process.geteuid?.() === 0 ? [] : ['sudo', '-n']
  const isolctl = `isolctl() { ${process.execPath} ${ISOLCTL} "$@"; }`
  const {stdout} = await execa('env', [
    ...elevate,
    'unshare',
    '--mount',
    join(import.meta.dirname, 'fixtures/in-root'),
    scratch,
    `${isolctl}; ${script}`,
  ])
  return stdout
}

const APPLY = 'isolctl apply --only boot-arguments --cpus 1 --yes'
const WORDS = ['isolcpus=nohz,domain,managed_irq,1', 'nohz_full=1', 'rcu_nocbs=1', 'irqaffinity=0']
/** Part of a transcript. */
const between = (text: string, name: string) =>
  text.split(`<${name}>\n`)[1]?.split(`</${name}>`)[0] ?? `no ${name} in: ${text}`
const part = (name: string, command: string) => `echo '<${name}>'; ${command}; echo '</${name}>'`

describe("Debian's real grub-mkconfig", patient, () => {
  it('passes the arguments after apply, a second plan is empty, and undo restores every byte', async () => {
    const text = await debian(
      [
        `cp ${CFG} /before.cfg`,
        part('apply', `${APPLY} || echo "exit $?"`),
        part('after', `cat ${CFG}`),
        part('again', `${APPLY} || echo "exit $?"`),
        part('plan', 'isolctl plan --only boot-arguments --cpus 1 || echo "exit $?"'),
        part('undo', 'isolctl undo'),
        part('back', `cmp ${CFG} /before.cfg && ls -A /boot/grub && ls -d /etc/default/grub*`),
      ].join('; '),
    )
    expect(between(text, 'apply')).toContain('a reboot is pending')
    expect(between(text, 'apply')).toContain('exit 11')
    expect(grubProblems(between(text, 'after'), WORDS)).toEqual([])
    const recovery = parseGrubCfg(between(text, 'after')).filter((entry) => entry.recovery)
    expect(recovery.flatMap(({args}) => args)).not.toContain('nohz_full=1')
    expect(recovery).toHaveLength(2)
    expect(between(text, 'again')).toMatch(/nothing to do but reboot|a reboot is pending/)
    expect(between(text, 'again')).toContain('exit 11')
    expect(between(text, 'plan')).toContain('exit 11')
    // The folder for drop-ins did not exist before, and does not exist again.
    expect(between(text, 'back')).toBe('grub.cfg\n/etc/default/grub\n')
  })

  it('a later drop-in that assigns the variable: apply fails with the missing argument, and undoes itself', async () => {
    const text = await debian(
      [
        `cp ${CFG} /before.cfg`,
        `mkdir /etc/default/grub.d; echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' >/etc/default/grub.d/zzz.cfg`,
        part('apply', `${APPLY} 2>&1 || echo "exit $?"`),
        part('back', `cmp ${CFG} /before.cfg && ls -A /boot/grub /etc/default/grub.d`),
      ].join('; '),
    )
    expect(between(text, 'apply')).toContain('isolcpus=nohz,domain,managed_irq,1 is missing')
    expect(between(text, 'apply')).toContain('exit 4')
    expect(between(text, 'back')).toBe('/boot/grub:\ngrub.cfg\n\n/etc/default/grub.d:\nzzz.cfg\n')
  })

  it('a broken script in grub.d: grub.cfg and the settings stay', async () => {
    const text = await debian(
      [
        `cp ${CFG} /before.cfg`,
        `printf '#!/bin/sh\\necho "menuentry {"\\n' >/etc/grub.d/99_broken; chmod +x /etc/grub.d/99_broken`,
        part('apply', `${APPLY} 2>&1 || echo "exit $?"`),
        part('back', `cmp ${CFG} /before.cfg && ls -A /boot/grub && ls -d /etc/default/grub*`),
      ].join('; '),
    )
    expect(between(text, 'apply')).toMatch(/grub-script-check.*exit status 1/s)
    expect(between(text, 'back')).toBe('grub.cfg\n/etc/default/grub\n')
  })

  it('no grub-mkconfig: apply reports it and changes nothing', async () => {
    const text = await debian(
      [
        `cp ${CFG} /before.cfg`,
        'rm /usr/sbin/grub-mkconfig /usr/sbin/update-grub',
        part('apply', `${APPLY} 2>&1 || echo "exit $?"`),
        part('back', `cmp ${CFG} /before.cfg && ls -A /boot/grub && ls -d /etc/default/grub*`),
      ].join('; '),
    )
    expect(between(text, 'apply')).toMatch(
      /: nothing was changed\nboot-arguments cannot be planned: grub-mkconfig is not installed/,
    )
    expect(between(text, 'apply')).toContain('exit 3')
    expect(between(text, 'back')).toBe('grub.cfg\n/etc/default/grub\n')
  })

  it('killed at any moment: grub.cfg is the complete old or new file, and undo restores every byte', async () => {
    const text = await debian(
      [
        `cp ${CFG} /before.cfg`,
        'for pause in 0.5 1 1.5 2 3; do',
        `  ${process.execPath} ${ISOLCTL} apply --only boot-arguments --cpus 1 --yes >/dev/null 2>&1 & sleep $pause; kill -9 $! 2>/dev/null || :; wait $! || :;`,
        `  sleep 1; grub-script-check ${CFG}; tail -c 4 ${CFG} | grep -q '###' || echo torn;`,
        '  isolctl undo >/dev/null || echo "undo failed";',
        `  cmp ${CFG} /before.cfg || echo different; ls -A /etc/default | grep grub.d || :;`,
        'done; echo done',
      ].join('\n'),
    )
    expect(text).toBe('done')
  })
})
