#ifndef ANABRANCH_TESTS_UNIT_LAWS_RIG_H
#define ANABRANCH_TESTS_UNIT_LAWS_RIG_H
/*
 * A worker for the laws: graphs whose nodes do what a script says, in an order of finishing that a
 * seed chooses. The clock stands still, so nothing hangs on it: when the loop has nothing more to
 * do, one of the tasks at work is picked at random and performed.
 *
 * A node of kind "act" performs a visit: a list of actions. Which one: a node's tasks take its
 * visits in the order in which they begin for the first time; the last one serves all later ones.
 * A task that begins again (the same id) performs its visit again.
 *
 *     script   {"path": [[action, ...], ...]}   path: the node, in subgraphs "sub/in"; handlers
 *                                               have the name of their task
 *     actions  {"update": {...}, "goto": ..., "parent": true}   a result; all keys optional
 *              {"ask": question, "into": field}  interrupt(); the answer is "re: question"
 *              {"fail": class, "times": n}       the first n times that the task comes here
 *              {"hold": n}                       the first n times it does not end by itself; a
 *                                                time limit of its node passes at once
 *              {"custom": any}
 *
 * {"$input": key} as a value of an update, or of the argument of a Send, is that key of what the
 * node sees.
 *
 * Texts are written with ' for ". Everything asserts on failure, but nodes: without memory they
 * fail as a kind does.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/setup.h"
#include "run/internal.h"
#include "run/thread.h"
#include "run/worker.h"
#include "store/store.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAWS_TASK_MAX = 256, LAWS_TURN_MAX = 1000000 };

struct laws_case {
    const char *name;
    const char *graph; /* JSON of a graph file */
    const char *script;
    const char *input;
};

/* What is known of a task, by its id. */
struct laws_task {
    char id[ID_BYTES];
    char path[96];
    size_t visit;
    int start_count;
    int perform_count; /* came to an end by itself: result, failure or question */
    int done_count;    /* gave a result */
    int fail_count;
    int hold_count;
    int64_t step; /* of the root's checkpoint that it began behind */
    char *input;  /* what it saw when it last began: JSON, keys sorted; free() */
};

struct laws {
    struct conf conf;
    struct worker worker;
    struct node_kind act;
    const struct node_kind *kinds[16];
    struct graph *graph;
    json_t *script;
    const char *input;
    const char *thread_id;
    uint64_t random; /* of the order of finishing */

    struct laws_task tasks[LAWS_TASK_MAX];
    size_t task_count;
    struct task *held[LAWS_TASK_MAX];
    size_t held_count;
    bool answers_inline;  /* questions are answered on the spot: a run without interrupts */
    bool fails_never;     /* "fail" does nothing */
    bool notes_nothing;   /* inputs are not looked at: where memory is tested */
    bool is_dead;         /* nothing is performed any more, as after a crash */
    int64_t delta_max;    /* 0 = the default */
    long fail_at_perform; /* the n-th performance fails instead; 0 = none */
    long perform_count;
    long start_count;

    struct store store; /* in front of the worker's own: counts commits, and dies */
    struct store *real_store;
    long commit_count;
    long last_commit;    /* later ones are lost, and is_dead is set; -1 = none is lost */
    bool is_full;        /* instead of dying it says that it is full */
    long starts_at_loss; /* start_count at the first commit that was lost; -1: none yet */
    long full_at_commit; /* this one is refused as if the store were full; 0 = none */
    bool commits_twice;  /* rows of writes are committed a second time */
};

/* Builds c's graph. One thread, "t". */
void laws_init(struct laws *l, const struct laws_case *c);
void laws_deinit(struct laws *l);
struct graph *laws_build(struct laws *l, const char *text); /* a reference */
/* ' becomes ". A new reference. */
json_t *laws_json(const char *text);

/* ---- graphs: laws_cases.c ---- */

extern const struct laws_case laws_cases[];
extern const int laws_case_count;
const struct laws_case *laws_find_case(const char *name);

/* ---- runs ---- */

/* How a run is asked for. Zeroed: on the thread, durability async. */
struct laws_how {
    const char *input; /* NULL: none */
    json_t *command;   /* taken; or NULL */
    const char *checkpoint_id;
    const char *before, *after; /* JSON, or NULL */
    const char *durability;
    int64_t max_concurrency;
    int64_t recursion_limit;
    int64_t timeout_ms;
    unsigned modes;
    bool is_stateless;
};
/* What a run came to. */
struct laws_end {
    enum run_status status;
    char error[64];     /* class, or "" */
    char node[64];      /* that failed, or "" */
    char *message;      /* or NULL */
    char *values;       /* output as JSON, keys sorted, ids numbered; or NULL */
    json_t *interrupts; /* or NULL */
    json_t *events;     /* array of {"event", "ns", "data"} of the modes asked */
};
void laws_end_clear(struct laws_end *end);
struct run *laws_start(struct laws *l, const struct laws_how *how);
/* Turns the loop once and performs a task, if one is at work. */
void laws_turn(struct laws *l);
void laws_run(struct laws *l, const struct laws_how *how, struct laws_end *ret);
/* A command that answers what is asked: the first of them by id, or all. Takes nothing. */
json_t *laws_answers(const json_t *interrupts, bool only_first);
/*
 * From input (how.input) to the end, however often it stops: questions are answered, failures and
 * breakpoints passed; where nothing was kept it begins again. Gives the number of runs; ret is what
 * the last one came to, RUN_SUCCESS.
 */
struct laws_play {
    struct laws_how how;
    bool one_by_one; /* of several questions only the first is answered in a run */
};
int laws_play(struct laws *l, const struct laws_play *play, struct laws_end *ret);

/* ---- the thread ---- */

json_t *laws_state(struct laws *l, const char *checkpoint_id);
json_t *laws_history(struct laws *l); /* newest first */
/* Gives the new checkpoint's id, or fails the test. values: JSON or NULL. */
void laws_update(struct laws *l, const char *checkpoint_id, const char *values, const char *as_node,
                 char ret[ID_BYTES]);
const char *laws_id_of(const json_t *snapshot); /* its checkpoint id; "" of an empty one */
/* Everything in the store of the thread, as text. mem_free() */
char *laws_dump(struct laws *l);
/* Is this task's result in the store? dump: of laws_dump(). */
bool laws_is_durable(const char *dump, const char *task_id);
void laws_forget(struct laws *l); /* the thread, and what is known of tasks */
/* Tasks that began behind the checkpoint of this step or later are not known any more: their visits
 * are taken again. */
void laws_forget_tasks_from(struct laws *l, int64_t step);
/* From every checkpoint there is a way to the first; ids and steps grow along it. */
void laws_check_chain(struct laws *l);

/* ---- the stage: laws_stage.c ---- */

void laws_stage_init(struct laws *l);  /* adds the kind "act" */
void laws_perform_one(struct laws *l); /* one of those held */

/* ---- comparing ---- */

/* JSON with sorted keys, in which ids are numbered as they first appear. free() */
char *laws_text(const json_t *json);
/* Asserts that both are the same; shows where they are not. */
void laws_check_text(const char *is, const char *should_be);
/* The history so: free(). */
char *laws_history_text(struct laws *l);
/* What was performed of a path: sums over its tasks. */
/* The history without what hangs on the number of runs. */
char *laws_history_text_without_runs(struct laws *l);
/* What a node returned, put into values as the reducers of laws_cases.c would: log, own: append; n:
 * add; others: replace. update: as `updates` events and histories show it. */
void laws_fold(json_t *values, const json_t *update);
int laws_done_count(const struct laws *l, const char *path);
int laws_perform_count(const struct laws *l, const char *path);

#endif
