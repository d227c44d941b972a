// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {requirePrograms} from '../../lib/programs.ts'
import {sha256} from '../sha256.ts'
import {commitDate, git} from './git.ts'
import {requireSignedTag} from './signature.ts'
import {makefileVersion, type Source} from './source.ts'

/**
 * A tag, branch or commit of a local repository. With a keyring, it must be a tag that one of
 * `trusted` signed. Throws UserError (exit 69).
 */
export async function tagSource(
  repository: string,
  tag: string,
  {keyring, trusted}: {keyring?: string | undefined; trusted?: readonly string[] | undefined} = {},
): Promise<Source> {
  await requirePrograms([{name: 'git', package: 'git'}], 'a tag as source')
  const found = await git(repository, ['rev-parse', '--verify', '--quiet', '--end-of-options', tag])
  const object = found?.trim() ?? ''
  if (object === '')
    throw new UserError(`${repository} has no tag "${tag}"`, {
      exit: Exit.unsuitable,
      help: `git -C ${repository} tag --list "v*" shows the tags; git fetch --tags gets new ones`,
    })
  if (keyring !== undefined)
    await requireSignedTag(await tagObject(repository, object, tag), tag, {keyring, trusted})
  const commit = (await git(repository, ['rev-parse', '--verify', `${object}^{commit}`]))?.trim() ?? ''
  const tree = (await git(repository, ['rev-parse', '--verify', `${object}^{tree}`]))?.trim() ?? ''
  const version = makefileVersion((await git(repository, ['cat-file', 'blob', `${tree}:Makefile`])) ?? '')
  if (version === undefined)
    throw new UserError(`${tag} of ${repository} is not a Linux source`, {exit: Exit.unsuitable})
  const date = (await commitDate(repository, commit)) ?? 0
  return {
    archive: `${tag} of ${repository}`,
    version,
    sha256: sha256(`git tree ${tree} ${date}\n`),
    pack: {
      argv: [
        'git',
        ...['-C', repository, '-c', 'tar.umask=0022', 'archive', '--format=tar', '--prefix=linux/'],
        commit, // the files of a commit have its date; those of a tree would have the current time
      ],
    },
  }
}

async function tagObject(repository: string, object: string, tag: string): Promise<string> {
  const text = await git(repository, ['cat-file', 'tag', object])
  if (text !== undefined) return text
  throw new UserError(`${tag} is not a signed tag`, {
    exit: Exit.unsuitable,
    code: 'not-verified',
    help: 'releases have signed tags, such as v6.12.30; branches have none',
  })
}
