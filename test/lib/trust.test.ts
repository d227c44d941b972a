// SPDX-License-Identifier: MIT
import {statSync} from 'node:fs'
import {chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {callingUser, foreignWriter, requireTrusted, requireTrustedFile} from '../../src/lib/trust.ts'

const me = process.geteuid?.() ?? 0
let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await mkdir(join(root, 'folder'), {mode: 0o755})
  await writeFile(join(root, 'folder/file'), '', {mode: 0o644})
})
afterEach(() => rm(root, {recursive: true}))

const who = (path: string) => foreignWriter(join(root, path), [me])

describe('who else can change a file', () => {
  it('is nobody for a file of ours in /tmp', async () => {
    expect(await who('folder/file')).toBeUndefined()
  })

  it('is everybody, or a group, for a file or a directory that they can write', async () => {
    await chmod(join(root, 'folder/file'), 0o666)
    expect(await who('folder/file')).toMatch(/folder\/file can be written by everybody$/)
    await chmod(join(root, 'folder/file'), 0o644)
    await chmod(join(root, 'folder'), 0o777)
    expect(await who('folder/file')).toMatch(/folder can be written by everybody$/)
    await chmod(join(root, 'folder'), 0o1777)
    expect(await who('folder/file')).toBeUndefined()
  })

  it('includes those who can change the target of a link', async () => {
    await chmod(join(root, 'folder'), 0o777)
    await symlink('folder/../folder/file', join(root, 'link'))
    expect(await who('link')).toMatch(/folder can be written by everybody$/)
    await symlink('loop', join(root, 'loop'))
    await expect(who('loop')).rejects.toMatchObject({code: 'ELOOP'})
  })

  it.runIf(me === 0)('is the owner of any component', async () => {
    await chown(join(root, 'folder'), 1234, 0)
    expect(await who('folder/file')).toMatch(/folder belongs to user 1234$/)
    expect(await foreignWriter(join(root, 'folder/file'), [1234])).toBeUndefined()
    await chown(join(root, 'folder'), 0, 1234)
    await chmod(join(root, 'folder'), 0o775)
    expect(await who('folder/file')).toMatch(/folder can be written by group 1234$/)
    await chown(join(root, 'folder'), 0, 0)
    expect(await who('folder/file')).toBeUndefined()
  })
})

/** user::rw-, user:1234:rw-, group::r--, mask::rw-, other::r-- (include/uapi/linux/posix_acl_xattr.h). */
const ACCESS_LIST = '0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000400ffffffff'

it('includes the users of an access control list, whose rights show as those of group 0', async ({skip}) => {
  skip(me !== 0 || process.arch !== 'x64', 'needs root, and knows the number of setxattr(2) of x86-64 only')
  const file = join(root, 'folder/file')
  // syscall() of Perl takes no constant for a text.
  const set =
    'my ($path, $name, $list) = ($ARGV[0], "system.posix_acl_access", pack("H*", $ARGV[1])); exit syscall(188, $path, $name, $list, length $list, 0) != 0'
  const {exitCode} = await execa('perl', ['-e', set, file, ACCESS_LIST], {reject: false})
  skip(exitCode !== 0, 'this file system has no access control lists')
  expect(await who('folder/file')).toMatch(/file can be written by users of its access control list$/)
})

it('a file that is open is looked at as well: its path may lead elsewhere now, or nowhere', async () => {
  const file = join(root, 'folder/file')
  const options = {what: 'the plan', owners: [me], help: 'h'}
  expect(() => requireTrustedFile(statSync(file), file, options)).not.toThrow()
  await chmod(file, 0o666)
  expect(() => requireTrustedFile(statSync(file), file, options)).toThrow(
    /not safe from other users: it can be/,
  )
})

it('an unsafe file is an error, and a missing one is left to its reader', async () => {
  await chmod(join(root, 'folder/file'), 0o666)
  const options = {what: 'the plan', owners: [me], help: 'h'}
  await expect(requireTrusted(join(root, 'folder/file'), options)).rejects.toMatchObject({
    exit: 69,
    code: 'not-trusted',
  })
  await requireTrusted(join(root, 'none'), options)
})

it('the calling user is a number of sudo', () => {
  expect(callingUser({SUDO_UID: '1000'})).toBe(1000)
  for (const text of ['', '-1', '0x10', '1 2', 'root']) expect(callingUser({SUDO_UID: text})).toBeUndefined()
  expect(callingUser({})).toBeUndefined()
})

it('".." leads to the parent of where a link has led, as the kernel takes it', async () => {
  await mkdir(join(root, 'theirs/sub'), {recursive: true})
  await writeFile(join(root, 'theirs/file'), '')
  await chmod(join(root, 'theirs/file'), 0o666)
  await symlink(join(root, 'theirs/sub'), join(root, 'folder/away'))
  await symlink('../theirs/sub/../file', join(root, 'folder/link'))
  expect(await foreignWriter(`${root}/folder/away/../file`, [me])).toMatch(
    /theirs\/file can be written by everybody$/,
  )
  expect(await who('folder/link')).toMatch(/theirs\/file can be written by everybody$/)
  expect(await foreignWriter(`${root}/folder/../folder/./file`, [me])).toBeUndefined()
})
