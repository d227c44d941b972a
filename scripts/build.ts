// SPDX-License-Identifier: MIT
import {mkdir, readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import process from 'node:process'
import {build} from 'esbuild'
import {ExecaError} from 'execa'
import {make} from './native.ts'

// The name of a chunk changes with its contents, so old chunks would stay. make updates its own
// objects.
await mkdir('dist', {recursive: true})
for (const name of await readdir('dist'))
  if (name !== 'obj') await rm(join('dist', name), {recursive: true, force: true})
await build({
  entryPoints: {isolctl: 'src/cli.ts'},
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.18',
  sourcemap: 'linked',
  legalComments: 'linked',
  banner: {
    // @oclif/core is CommonJS: it calls require() and reads __dirname.
    js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url); const __dirname = import.meta.dirname, __filename = import.meta.filename;",
  },
})

try {
  await make()
} catch (error) {
  const {shortMessage = String(error), stderr = ''} = error instanceof ExecaError ? error : {}
  process.stderr.write(
    `error: the C programs were not built: ${shortMessage}\n${stderr}\nhelp: they need make, gcc and libc6-dev (static)\n`,
  )
  process.exitCode = 1
}
