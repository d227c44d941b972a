// SPDX-License-Identifier: MIT
import {chmod, cp, mkdir, realpath, truncate, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from '../../../src/lib/assets.ts'

/**
 * A disk with the built isolctl, this Node.js, and further files, below /opt/isolctl in a machine;
 * "isolctl" is in the agent's PATH. Not 9p, because a distribution's kernel for virtual machines
 * does not have it.
 */
export async function isolctlDisk(
  folder: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const content = join(folder, `isolctl-${crypto.randomUUID()}`)
  for (const name of ['bin', 'dist', 'kernel-patches', 'package.json'])
    await cp(join(packageRoot, name), join(content, name), {recursive: true})
  await cp(await realpath(process.execPath), join(content, 'node'))
  const wrapper = join(content, 'bin', 'isolctl')
  await writeFile(wrapper, '#!/bin/sh\nexec /opt/isolctl/node /opt/isolctl/bin/run.js "$@"\n')
  await chmod(wrapper, 0o755)
  for (const [name, path] of Object.entries(files)) {
    await mkdir(join(content, name, '..'), {recursive: true})
    await cp(path, join(content, name))
  }
  const disk = `${content}.img`
  const {stdout} = await execa('du', ['-sk', content])
  await writeFile(disk, '')
  await truncate(disk, Math.ceil((Number.parseInt(stdout, 10) * 1.1 + 8192) / 1024) * 2 ** 20)
  await execa('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-L', 'isolctl', '-d', content, disk])
  return disk
}
