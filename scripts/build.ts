// SPDX-License-Identifier: MIT
import {mkdir, readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {build} from 'esbuild'
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

await make()
