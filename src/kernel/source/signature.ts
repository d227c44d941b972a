// SPDX-License-Identifier: MIT
import {readFile, writeFile} from 'node:fs/promises'
import {basename, join, resolve} from 'node:path'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {withPrivateFolder} from '../../lib/files.ts'
import {requirePrograms} from '../../lib/programs.ts'

/**
 * The keys that isolctl accepts for a source archive: the key that signs the checksums on
 * kernel.org, and the keys that sign the releases (kernel.org/signature.html). These are complete
 * fingerprints, so that the keys themselves may come from anywhere.
 */
export const TRUSTED: readonly string[] = [
  'B8868C80BA62A1FFFAF5FDA9632D3A06589DA6B1', // Kernel.org checksum autosigner
  '647F28654894E3BD457199BE38DBBDC86092693E', // Greg Kroah-Hartman
  'ABAF11C65A2970B130ABE3C479BE3E4300411886', // Linus Torvalds
]

export interface SignedSums {
  /** sha256sums.asc of kernel.org, clear-signed. */
  readonly sums: string
  /** A file with the public keys, from gpg --export. */
  readonly keyring: string
  /** The fingerprints to accept; TRUSTED if absent. */
  readonly trusted?: readonly string[] | undefined
}

/**
 * The sha256 that a trusted key signed for an archive. It is read from the text that gpgv extracts:
 * the file may contain other lines around the signed text. Throws UserError (exit 69) for a
 * missing, bad or unknown signature, and for an archive that the sums do not name.
 */
export async function signedSha256(
  archive: string,
  {sums, keyring, trusted = TRUSTED}: SignedSums,
): Promise<string> {
  await requireKeyring(keyring)
  return await withPrivateFolder(async (folder) => {
    const signed = join(folder, 'sums')
    await verify(sums, ['--output', signed, sums], {keyring, trusted, home: folder})
    const sum = sumOf(await readFile(signed, 'utf8'), basename(archive))
    if (sum === undefined) throw refused(`${sums} does not name ${basename(archive)}`)
    return sum
  })
}

/**
 * Returns if a trusted key signed a tag. `object` is the output of `git cat-file tag`: the text,
 * then the signature. The signed name is compared too, because a repository can have an old release
 * under the name of a new one. Throws UserError (exit 69) as signedSha256() does.
 */
export async function requireSignedTag(
  object: string,
  tag: string,
  {keyring, trusted = TRUSTED}: Omit<SignedSums, 'sums'>,
): Promise<void> {
  await requireKeyring(keyring)
  const begin = object.indexOf('-----BEGIN PGP SIGNATURE-----')
  if (begin === -1) throw refused(`${tag} is not signed`, 'releases have signed tags, such as v6.12.30')
  await withPrivateFolder(async (folder) => {
    const [text, signature] = [join(folder, 'text'), join(folder, 'signature')]
    await writeFile(text, object.slice(0, begin))
    await writeFile(signature, object.slice(begin))
    await verify(tag, [signature, text], {keyring, trusted, home: folder})
  })
  const signed = /^tag (.*)$/m.exec(object)?.[1] ?? ''
  if (signed !== tag.replace(/^(?:refs\/)?tags\//, ''))
    throw refused(`${tag} was signed as ${signed}`, `to build that release: --tag ${signed}`)
}

async function requireKeyring(keyring: string): Promise<void> {
  await requirePrograms([{name: 'gpgv', package: 'gpgv'}], 'verifying the kernel source')
  const keys = await readFile(keyring).catch((cause: NodeJS.ErrnoException) => {
    throw refused(`cannot read the keyring ${keyring}: ${cause.code}`)
  })
  if (keys.subarray(0, 5).toString('latin1') === '-----')
    throw refused(`${keyring} is armoured, and gpgv reads only binary keyrings`, `gpg --dearmor <${keyring}`)
}

async function verify(
  what: string,
  files: readonly string[],
  {keyring, trusted, home}: {keyring: string; trusted: readonly string[]; home: string},
): Promise<void> {
  const {stdout, failed, stderr} = await execa(
    'gpgv',
    ['--status-fd', '1', '--keyring', resolve(keyring), ...files],
    {env: {LC_ALL: 'C', GNUPGHOME: home}, stdin: 'ignore', reject: false},
  )
  const signers = validSigners(stdout)
  const good = signers.some((fingerprint) => trusted.includes(fingerprint))
  if (failed || !good)
    throw refused(`${what} is not signed by kernel.org: ${reasonOf(stdout, stderr, signers)}`)
}

/** The fingerprints of the primary keys of good signatures (gnupg, doc/DETAILS: VALIDSIG). Pure. */
export function validSigners(status: string): readonly string[] {
  return status.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    if (fields[0] !== '[GNUPG:]' || fields[1] !== 'VALIDSIG') return []
    return [fields.at(-1) ?? '']
  })
}

/**
 * The sum of a file in the output of sha256sum(1); undefined if there is none, or several. Pure.
 */
export function sumOf(text: string, name: string): string | undefined {
  const sums = text.split('\n').flatMap((line) => {
    const [, sum = '', file] = /^([0-9a-f]{64}) [ *](.+?)\r?$/.exec(line) ?? []
    return file === name ? [sum] : []
  })
  return new Set(sums).size === 1 ? sums[0] : undefined
}

function reasonOf(status: string, stderr: string, signers: readonly string[]): string {
  if (signers.length > 0) return `the key ${signers.join(', ')} is not one of those that isolctl trusts`
  if (/^\[GNUPG:\] BADSIG /m.test(status)) return 'the text changed after it was signed'
  const missing = /^\[GNUPG:\] NO_PUBKEY (\S+)/m.exec(status)?.[1]
  if (missing !== undefined) return `the keyring has no key ${missing}`
  if (/^\[GNUPG:\] (EXPKEYSIG|REVKEYSIG) /m.test(status)) return 'its key has expired or was revoked'
  return stderr.trim().split('\n').at(-1) || 'it contains no signature'
}

const refused = (message: string, help?: string) =>
  new UserError(message, {
    exit: Exit.unsuitable,
    code: 'not-verified',
    help: help ?? 'download the archive and its sha256sums.asc again from kernel.org; nothing was unpacked',
  })
