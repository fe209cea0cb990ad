/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports the daemon's state to the service manager (sd_notify(3)'s protocol). */
#ifndef WEFT_UTIL_NOTIFY_H
#define WEFT_UTIL_NOTIFY_H

/* Sends `state`, e.g. "READY=1"; does nothing without a service manager. */
void notify_manager(const char *state);

#endif
