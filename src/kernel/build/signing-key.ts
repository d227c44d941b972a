// SPDX-License-Identifier: MIT
import {chmod, copyFile, mkdir} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder} from '../../lib/cache.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {publishFile, readIfPresent, withPrivateFolder} from '../../lib/files.ts'
import {SIGNING_KEY} from './distribution-config.ts'

/**
 * Our own key for modules, made at the first build and kept: its certificate is part of the kernel, so that a new key
 * each time would make each time another kernel. Put below the objects; nobody but us can read either.
 */
export async function placeSigningKey(objects: string, cache: string): Promise<void> {
  const kept = join(await cacheFolder('keys', cache), 'modules.pem')
  if ((await readIfPresent(kept)) === undefined) await publishFile(kept, await generateKey())
  const place = join(objects, SIGNING_KEY)
  await mkdir(dirname(place), {recursive: true})
  await copyFile(kept, place)
  await chmod(place, 0o600)
}

/** As certs/default_x509.genkey of the kernel has it. */
async function generateKey(): Promise<string> {
  return await withPrivateFolder(async (folder) => {
    const file = join(folder, 'key.pem')
    const {failed, stderr} = await execa(
      'openssl',
      [
        ...[
          'req',
          '-new',
          '-nodes',
          '-utf8',
          '-sha512',
          '-days',
          '36500',
          '-batch',
          '-x509',
          '-newkey',
          'rsa:4096',
        ],
        ...['-subj', '/CN=isolctl module signing key', '-addext', 'keyUsage=digitalSignature'],
        ...['-outform', 'PEM', '-out', file, '-keyout', file],
      ],
      {stdin: 'ignore', reject: false},
    )
    const text = await readIfPresent(file)
    if (!failed && text !== undefined) return text
    throw new UserError(`openssl made no signing key: ${stderr.trim().split('\n').at(-1)}`, {
      exit: Exit.unsuitable,
    })
  })
}
