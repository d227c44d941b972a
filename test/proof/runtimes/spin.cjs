// SPDX-License-Identifier: MIT
/** spin.cjs SECONDS: a worker thread polls shared memory, and the main thread waits. */
const {isMainThread, Worker, workerData} = require('node:worker_threads')

if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  new Worker(__filename, {workerData: shared})
  setTimeout(() => {
    process.stdout.write('done\n', () => process.exit(0))
  }, 1000 * Number(process.argv[2]))
} else {
  while (Atomics.load(workerData, 0) === 0) workerData[1] = (workerData[1] + 1) & 1023
}
