// SPDX-License-Identifier: MIT

/** What a rendering needs beside the report itself. */
export interface RenderOptions {
  /** When the report was made: ISO 8601, UTC. */
  readonly at: string
  /** Warnings count as failures. */
  readonly strict: boolean
}
