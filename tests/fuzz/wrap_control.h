/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzz_control is linked with in place of libmicrohttpd and of what touches the machine. */
#ifndef TESTS_FUZZ_WRAP_CONTROL_H
#define TESTS_FUZZ_WRAP_CONTROL_H

#include <microhttpd.h>

#include "control/address.h"
#include "control/create.h"

struct config;
struct weft_error;

struct MHD_Daemon *__wrap_MHD_start_daemon(unsigned int flags, uint16_t port,
					   MHD_AcceptPolicyCallback accept, void *accept_cls,
					   MHD_AccessHandlerCallback access, void *access_cls, ...);
const union MHD_DaemonInfo *__wrap_MHD_get_daemon_info(struct MHD_Daemon *daemon,
						       enum MHD_DaemonInfoType type, ...);
enum MHD_Result __wrap_MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *timeout);
int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
				     MHD_KeyValueIterator iterator, void *cls);
const union MHD_ConnectionInfo *
__wrap_MHD_get_connection_info(struct MHD_Connection *connection,
			       enum MHD_ConnectionInfoType type, ...);
void __wrap_MHD_suspend_connection(struct MHD_Connection *connection);
void __wrap_MHD_resume_connection(struct MHD_Connection *connection);
struct MHD_Response *
__wrap_MHD_create_response_from_callback(uint64_t size, size_t block_size,
					 MHD_ContentReaderCallback read, void *cls,
					 MHD_ContentReaderFreeCallback done);
struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *buffer,
							    enum MHD_ResponseMemoryMode mode);
enum MHD_Result __wrap_MHD_add_response_header(struct MHD_Response *response, const char *header,
					       const char *content);
enum MHD_Result __wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
					  struct MHD_Response *response);
void __wrap_MHD_destroy_response(struct MHD_Response *response);

/* ---- the machine ---- */

int __wrap_socket_listen(const char *path, const char *group, int *ret_fd,
			 struct weft_error *error);
int __wrap_address_list_read(struct address_list *ret_list);
/* Files whose path has an "x" exist; "q": one cannot be made; "z": there is no thread for it. */
int __wrap_create_start(struct offload *offload, const char *path, uint64_t size,
			create_done *done, void *arg, struct weft_error *error);
void __wrap_create_undo(struct offload *offload, const char *path, void (*done)(void *arg),
			void *arg);
int __wrap_unlink(const char *path);
void __wrap_folder_make(const char *path, unsigned int mode);
int __wrap_config_save(const struct config *config, const char *path, struct weft_error *error);
int __wrap_config_load(const char *path, struct config **ret_config, struct weft_error *error);

#endif
