#ifndef ANABRANCH_BASE_FILE_H
#define ANABRANCH_BASE_FILE_H
/*
 * Whole files into a buffer that says how much may be read. Blocks; any thread.
 *
 * Conditions: FILE_E_UNREADABLE (*ret_errno says why), FILE_E_LARGE (more than b->max bytes),
 * FILE_E_NOT_PLAIN (a folder, a pipe, a device). What was read before a failure stays in b, which is
 * the caller's to deinit.
 */
#include "base/buf.h"

enum { FILE_E_UNREADABLE = 1, FILE_E_LARGE, FILE_E_NOT_PLAIN };

/* Appends the file at path. 0, a condition, or a fault. */
int file_read(const char *path, struct buf *b, int *ret_errno);
/* The same, of nothing but a plain file: a pipe or a device in its place would be waited for, or read,
 * without an end. */
int file_read_plain(const char *path, struct buf *b, int *ret_errno);
/* The same for what is left of an open descriptor, which stays open. */
int file_read_fd(int fd, struct buf *b, int *ret_errno);

#endif
