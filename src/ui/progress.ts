// SPDX-License-Identifier: MIT
import {Listr, ListrLogger, ProcessOutput} from 'listr2'
import {
  type Amount,
  amountText,
  type Begun,
  elapsedText,
  type Progress,
  remainingText,
  silent,
} from '../lib/progress.ts'
import {visible} from '../lib/visible.ts'
import {note} from './terminal.ts'

/** A log gets a line when this time has passed, or when another tenth of the work is done. */
const LOG_EVERY_MS = 10_000
const SHARE = 0.1

/**
 * Shows long work on stderr: updated in place on a terminal, otherwise as lines with the time.
 * Shows nothing if `quiet`.
 */
export function showProgress({quiet}: {quiet: boolean}): Progress {
  if (quiet) return silent
  return process.stderr.isTTY ? terminalProgress() : logProgress((line) => note([line]))
}

function terminalProgress(): Progress {
  return {
    async step(title, body) {
      const started = performance.now()
      const out = Promise.withResolvers<Awaited<ReturnType<typeof body>>>()
      let amount: Amount | undefined
      let begun: Begun | undefined
      const text = () => {
        const elapsed = performance.now() - started
        const parts = [amount && amountText(amount), elapsed >= 1000 ? elapsedText(elapsed) : undefined]
        const left = amount && begun ? remainingText(amount, begun, performance.now()) : ''
        return visible(
          [title, parts.filter((part) => part !== undefined).join(', ') + left].filter(Boolean).join(': '),
        )
      }
      const output = new ProcessOutput(process.stderr, process.stderr, {leaveEmptyLine: false})
      const list = new Listr(
        [
          {
            title: visible(title),
            task: async (_, task) => {
              const timer = setInterval(() => {
                task.title = text()
              }, 1000)
              try {
                out.resolve(
                  await body((now) => {
                    amount = now
                    begun ??= {done: now.done, at: performance.now()}
                  }),
                )
                amount = undefined
                task.title = text()
              } finally {
                clearInterval(timer)
              }
            },
          },
        ],
        {
          forceTTY: true, // listr2 checks stdout, which may be a file
          registerSignalListeners: false, // interruptible() does
          rendererOptions: {
            logger: new ListrLogger({processOutput: output}),
            showErrorMessage: false, // the command reports it, once
          },
        },
      )
      await list.run()
      return await out.promise
    },
  }
}

/** Progress for a log, in which no line repeats the one before it. `now` gives milliseconds. */
export function logProgress(write: (line: string) => void, now: () => number = Date.now): Progress {
  const log = (text: string) => write(`[${new Date(now()).toTimeString().slice(0, 8)}] ${text}`)
  return {
    async step(title, body) {
      const started = now()
      let last = started
      let lastShare = 0
      let begun: Begun | undefined
      log(title)
      const result = await body((amount) => {
        begun ??= {done: amount.done, at: now()}
        const share = amount.total ? amount.done / amount.total : 0
        if (now() - last < LOG_EVERY_MS && share - lastShare < SHARE) return
        last = now()
        lastShare = share
        const left = remainingText(amount, begun, last)
        log(`${title}: ${amountText(amount)}, ${elapsedText(last - started)}${left}`)
      })
      log(`${title}: done in ${elapsedText(now() - started)}`)
      return result
    },
  }
}
