#ifndef ANABRANCH_TESTS_STORE_KIT_H
#define ANABRANCH_TESTS_STORE_KIT_H
/* What tests of stores share: a folder for files, and opening. */
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kit_folder {
    char path[64];
};

/* In memory if the machine has such a place: what a disk would do after a sync no test can see. */
static inline void kit_folder_make(struct kit_folder *f)
{
    strcpy(f->path, "/dev/shm/anabranch-test-XXXXXX");
    if (mkdtemp(f->path) != NULL)
        return;
    strcpy(f->path, "/tmp/anabranch-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->path));
}

/* With the files in it. A test that fails leaves its folder. */
static inline void kit_folder_remove(const struct kit_folder *f)
{
    DIR *dir = opendir(f->path);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0); /* rmdir tells */
    ck_assert_int_eq(closedir(dir), 0);
    ck_assert_int_eq(rmdir(f->path), 0);
}

static inline void kit_open(const struct conf *conf, struct store **ret)
{
    struct buf why;
    buf_init(&why, 4096);
    int r = store_open(conf, &why, ret);
    ck_assert_msg(r == 0, "%s: %s", buf_text(&why), err_text(r));
    buf_deinit(&why);
}

#endif
