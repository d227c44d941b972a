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
 * Put our key for modules below the objects. It is made for the first build and kept in the cache,
 * because its certificate is a part of the kernel: a new key would make another kernel. Both files
 * have mode 0600. Throws UserError (exit 69) if openssl fails.
 */
export async function placeSigningKey(objects: string, cache: string): Promise<void> {
  const kept = join(await cacheFolder('keys', cache), 'modules.pem')
  if ((await readIfPresent(kept)) === undefined) await publishFile(kept, await generateKey())
  const place = join(objects, SIGNING_KEY)
  await mkdir(dirname(place), {recursive: true})
  await copyFile(kept, place)
  await chmod(place, 0o600)
}

/** A key with the parameters of certs/default_x509.genkey of the kernel. */
async function generateKey(): Promise<string> {
  return await withPrivateFolder(async (folder) => {
    const file = join(folder, 'key.pem')
    const {failed, stderr} = await execa(
      'openssl',
      [
        ...['req', '-new', '-nodes', '-utf8', '-sha512', '-days', '36500', '-batch', '-x509'],
        ...['-newkey', 'rsa:4096'],
        ...['-subj', '/CN=isolctl module signing key', '-addext', 'keyUsage=digitalSignature'],
        ...['-outform', 'PEM', '-out', file, '-keyout', file],
      ],
      {stdin: 'ignore', reject: false},
    )
    const text = await readIfPresent(file)
    if (!failed && text !== undefined) return text
    throw new UserError(`openssl cannot make a signing key: ${stderr.trim().split('\n').at(-1)}`, {
      exit: Exit.unsuitable,
    })
  })
}
