// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {expect, it} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {isolctl} from './isolctl.ts'

it('bin/run.js prints the same version as oclif', async () => {
  const {stdout} = await execa(process.execPath, [join(packageRoot, 'bin/run.js'), '--version'])
  expect(stdout).toMatch(/^isolctl\/\d/)
  expect((await isolctl('--version')).stdout.trim()).toBe(stdout)
})
