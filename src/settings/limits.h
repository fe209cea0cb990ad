/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits and defaults that other code needs as constants; the rows use them, too. */
#ifndef WEFT_SETTINGS_LIMITS_H
#define WEFT_SETTINGS_LIMITS_H

#define CONFIG_NSID_MAX 65536
#define CONFIG_NAMESPACES_MAX 16384	/* of a subsystem */
#define CONFIG_ANA_GROUP_MAX 128
#define CONFIG_QID_MAX 128
#define CONFIG_INLINE_MIN 1024			/* bytes */
#define CONFIG_INLINE_MAX 262144
#define CONFIG_INLINE_DEFAULT 16384
#define CONFIG_QUEUE_SIZE_MIN 16		/* commands */
#define CONFIG_QUEUE_SIZE_MAX 1024
#define CONFIG_QUEUE_SIZE_DEFAULT 128
#define CONFIG_MDTS_MAX 9			/* 4 KiB << 9 is 2 MiB */
#define CONFIG_MDTS_DEFAULT 9
#define CONFIG_TRSVCID_DEFAULT 4420

#endif
