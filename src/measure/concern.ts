// SPDX-License-Identifier: MIT

/** The kinds of disturbance: each but 'kthread' is reported by one check. */
export const CONCERNS = ['tick', 'device', 'ipi', 'nmi', 'task', 'kthread'] as const
export type Concern = (typeof CONCERNS)[number]
