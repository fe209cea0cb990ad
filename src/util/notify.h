/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells the service manager how the daemon is (sd_notify(3)'s protocol). */
#ifndef WEFT_UTIL_NOTIFY_H
#define WEFT_UTIL_NOTIFY_H

/* Sends `state`, e.g. "READY=1"; does nothing where no manager listens. */
void notify_manager(const char *state);

#endif
