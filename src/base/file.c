/* See file.h. Reading stops at the limit: a device may have no end. */
#include "base/file.h"
#include "base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 16384 };

int file_read_fd(int fd, struct buf *b, int *ret_errno)
{
    char piece[PIECE_BYTES];
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *ret_errno = errno;
            return FILE_E_UNREADABLE;
        }
        int r = buf_add(b, piece, (size_t)n);
        if (r != 0)
            return r < 0 ? err_trace(r) : FILE_E_LARGE;
    }
    return 0;
}

static bool is_plain(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int read_path(const char *path, bool only_plain, struct buf *b, int *ret_errno)
{
    /* Opening a pipe would wait for who writes into it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | (only_plain ? O_NONBLOCK : 0));
    if (fd < 0) {
        *ret_errno = errno;
        return FILE_E_UNREADABLE;
    }
    int r = only_plain && !is_plain(fd) ? FILE_E_NOT_PLAIN : file_read_fd(fd, b, ret_errno);
    (void)close(fd); /* only read from */
    return r;
}

int file_read(const char *path, struct buf *b, int *ret_errno)
{
    return read_path(path, false, b, ret_errno);
}

int file_read_plain(const char *path, struct buf *b, int *ret_errno)
{
    return read_path(path, true, b, ret_errno);
}
