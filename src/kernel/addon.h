/* What the addon's parts share: reading what JavaScript passed, and errors as Node's own look. */
#ifndef TALLY_ADDON_H
#define TALLY_ADDON_H

#define NAPI_VERSION 8

#include <node_api.h>
#include <stdbool.h>

/* Throws a TypeError. Always false, so that a reader can return it. */
bool refuse(napi_env env, const char *message);

/* Copies a string, NUL-terminated, for the caller to free. False with a pending exception if it is none or holds a NUL byte. */
bool read_text(napi_env env, napi_value value, char **text);

/* An Error with errno, code and syscall. */
napi_value error_value(napi_env env, const char *syscall_name, int error);

/* spawn(words, environment, descriptors, session, wait, told): see spawn.c. */
napi_value spawn_program(napi_env env, napi_callback_info info);

#endif
