/* SPDX-License-Identifier: MIT */
/*
 * systemd's notification protocol: one datagram of "KEY=value" lines to the socket in NOTIFY_SOCKET
 * (sd_notify(3)).
 */
#ifndef LAUNCH_NOTIFY_H
#define LAUNCH_NOTIFY_H

#include <sys/types.h>

/*
 * Send `text` in the name of process `pid`, which is the unit's main process. Without CAP_SYS_ADMIN
 * it is sent in our own name, and then the unit needs NotifyAccess=all. `address`: a path, or
 * "@name" in the abstract namespace. Returns 0, or -1 with errno.
 */
int notify(const char *address, pid_t pid, const char *text);

#endif
