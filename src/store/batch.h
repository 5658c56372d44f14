#ifndef ANABRANCH_STORE_BATCH_H
#define ANABRANCH_STORE_BATCH_H
/* Private to batch*.c: a row that is not copied yet, its columns those of struct store_row. */
#include "store/store.h"

struct batch_row {
    enum store_row_kind kind;
    int type;
    const char *thread_id;
    const char *ns;
    const char *id;
    const char *other;
    const char *name;
    const char *bytes;
    size_t len_bytes;
    const char *metadata;
    size_t metadata_len_bytes;
    int64_t now_ms;
    int64_t created_ms;
    int64_t due_ms;
    int64_t number;
    int64_t last_seq;
};
/* Copies all texts and bytes; NULL stays NULL. */
void batch_add(struct store_batch *b, const struct batch_row *from);

#endif
