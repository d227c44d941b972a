// SPDX-License-Identifier: MIT
/** Kconfig files of a small tree. */
import {mkdir, mkdtemp, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'

const FILES = {
  Kconfig: 'source "kernel/Kconfig"\nsource "arch/$(SRCARCH)/Kconfig"\nsource "not/there/Kconfig"\n',
  'arch/x86/Kconfig': 'config X86\n\tdef_bool y\n\tselect FORCED if SMP\n\tselect FORCED_ELSEWHERE if !SMP\n',
  'kernel/Kconfig': `# config COMMENTED
config WANTED
	bool "Wanted"
	depends on NO_HZ_FULL && (SMP || UP)
	help
	  Text about it, with a line that reads like one of ours:

	  config IN_HELP
	    depends on nothing

config HIDDEN
	bool
config PICKY
	bool "Picky" if EXPERT
config COMPILED
	bool "Compiled"
	depends on SMP && $(cc-option,-fthis(-or-that))
if SMP
menu "a menu"
	depends on NET
config INNER
	bool \\
	  "Inner"
	depends on X86
endmenu
endif
config FORCED
	bool "Forced"
config FORCED_ELSEWHERE
	bool "Not by this"
choice
	prompt "one of"
	depends on SMP
config ONE
	bool "One"
config TWO
	bool "Two"
endchoice
config AFTER
	bool "After the choice"
`,
}

/** Returns the folder of the tree; the caller removes it. */
export async function writeKconfigFiles(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kconfig-'))
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), {recursive: true})
    await writeFile(join(folder, path), text)
  }
  return folder
}
