// SPDX-License-Identifier: MIT
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {packageRoot} from '../src/lib/assets.ts'

describe('the floors of src/ (scripts/floors.ts)', () => {
  describe('the linter', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(packageRoot, 'src/facts/test-'))
    })
    afterAll(() => rm(folder, {recursive: true, force: true}))

    /** The output of the linter for a file in src/facts with this import. */
    const lint = async (line: string) => {
      const file = join(folder, 'probe.ts')
      await writeFile(file, `// SPDX-License-Identifier: MIT\n${line}\n\nexport {it}\n`)
      const {all} = await execa('biome', ['lint', '--colors=off', file], {
        preferLocal: true,
        localDir: packageRoot,
        cwd: packageRoot,
        all: true,
        reject: false,
      })
      return all
    }

    test.each([
      ["import {CHECKS as it} from '../../checks/registry.ts'", 'may not go up a floor'],
      ["import type {Step as it} from '../../plan/step.ts'", 'may not go up a floor'],
      ["import {readFile as it} from 'node:fs/promises'", 'touch the machine'],
      ["import {localHost as it} from '../../host/local.ts'", 'touch the machine'],
    ])('refuses %s', async (line, words) => {
      expect(await lint(line)).toContain(words)
    })

    test('accepts an import from a lower floor', async () => {
      expect(await lint("import {CpuSet as it} from '../../model/cpuset.ts'")).toContain('No fixes applied')
    })

    test('refuses a circle of types', async () => {
      await writeFile(
        join(folder, 'other.ts'),
        "import type {it} from './probe.ts'\n\nexport type other = typeof it\n",
      )
      expect(
        await lint("import type {other} from './other.ts'\nconst it: other | undefined = undefined"),
      ).toContain('noImportCycles')
    })
  })
})
