// SPDX-License-Identifier: MIT
import {asset} from '../lib/assets.ts'

/**
 * Let the program inherit the descriptors from 3 on that our caller passed, as if Node.js had not been
 * in between (native/node/inherit.c). Returns why that cannot be, or undefined.
 */
export function passInherited(): string | undefined {
  try {
    // It reads ISOLCTL_INHERITED, which bin/isolctl has set.
    process.dlopen({exports: {}}, asset('libexec/isol-inherit.so'))
  } catch (error) {
    // The library has done its work when it is loaded, and has nothing for JavaScript.
    const {message} = error as Error
    if (!message.includes('did not self-register')) return message.split('\n')[0]
  } finally {
    delete process.env['ISOLCTL_INHERITED']
  }
  return undefined
}
