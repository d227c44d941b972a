// SPDX-License-Identifier: MIT
import {mkdir, rm} from 'node:fs/promises'
import {build} from 'esbuild'
import {execa} from 'execa'
import {C_FLAGS} from './c-flags.ts'

await rm('dist', {recursive: true, force: true}) // the names of its pieces change with what is in them
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

/** C programs: [source, program below dist/libexec]. */
const PROGRAMS: readonly (readonly [source: string, program: string])[] = [
  ['src/launch/shim/isol-exec.c', 'isol-exec'],
  ['src/launch/samples/poller.c', 'samples/poller'],
  ['src/launch/samples/rings.c', 'samples/rings'],
  ['src/launch/samples/slip.c', 'samples/slip'],
  ['src/host/isol-affinity.c', 'isol-affinity'],
  ['src/host/isol-settle.c', 'isol-settle'],
  ['src/measure/isol-spin.c', 'isol-spin'],
  ['src/lab/guest/init.c', 'isol-init'],
]

await mkdir('dist/libexec/samples', {recursive: true})
for (const [source, program] of PROGRAMS)
  await execa('gcc', [...C_FLAGS, '-o', `dist/libexec/${program}`, source], {stdio: 'inherit'})
