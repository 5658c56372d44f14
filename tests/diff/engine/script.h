#ifndef ANABRANCH_DIFF_SCRIPT_H
#define ANABRANCH_DIFF_SCRIPT_H
/* The node kind `script`: does what the case says (FORMAT.md, "Actions"). */
#include "stage.h"

/* Lives as long as the graphs made with it. */
struct script_kind {
    struct node_kind kind;
    struct stage *stage; /* of the case at work; borrowed */
};
struct script_kind script_kind_of(struct stage *stage);

#endif
