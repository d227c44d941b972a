/* SPDX-License-Identifier: MIT */
/*
 * Language runtimes that interrupt their own threads, by signals or by safepoints, and the setting
 * with which they do not. src/launch/hints.ts gives a program the settings (--runtime-hints).
 */
#ifndef LAUNCH_RUNTIME_H
#define LAUNCH_RUNTIME_H

#include <sys/types.h>

/*
 * Why no thread of this process can stay isolated: "is a Go program, ...", with the setting that it
 * lacks; "" when nothing is known against it, or when it has the setting.
 */
const char *find_runtime(pid_t pid);

#endif
