// SPDX-License-Identifier: MIT

/** The kinds of disturbance. One check reports each of them, except 'kthread'. */
export const CONCERNS = ['tick', 'device', 'ipi', 'nmi', 'task', 'kthread'] as const
export type Concern = (typeof CONCERNS)[number]
