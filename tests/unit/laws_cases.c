/* Graphs that the laws are tried on, each about one thing, and what their nodes do. */
#include "laws_rig.h"

#define ACT(name) "'" name "':{'kind':'act'}"
#define STATE                                                                                      \
    "'state':{'log':{'type':'array','reducer':'append'},'n':{'type':'integer','reducer':'add'},"   \
    "'last':{'type':'any'},'item':{'type':'any','private':true}}"
#define CHILD                                                                                      \
    "'state':{'last':{'type':'any'},'own':{'type':'array','reducer':'append','private':true}}"
#define QUICK "'initial_ms':0,'jitter':false"

const struct laws_case laws_cases[] = {
    { "join",
      "{" STATE ",'nodes':{" ACT("a") "," ACT("n10") "," ACT("n2") "," ACT("b") "," ACT(
          "e") "},"
               "'edges':[['START','a'],['a',['n2','n10','b']],[['b','n2','n10'],'e']]}",
      "{'a':[[{'update':{'log':'a'}}]],'n2':[[{'update':{'log':'n2','n':1}}]],"
      "'n10':[[{'update':{'log':['n10','x'],'n':10}}]],"
      "'b':[[{'update':{'log':'b','last':'b'}}]],'e':[[{'update':{'log':'e','last':'e'}}]]}",
      "{'log':['in']}" },
    { "loop",
      "{" STATE ",'nodes':{" ACT("a") "," ACT("b") "," ACT(
          "c") "},"
               "'edges':[['START','a'],['a','b'],['a','c'],"
               "{'from':'b','switch':'last','cases':{'again':'a'},'default':'END'}]}",
      "{'a':[[{'update':{'log':'a1'}}],[{'update':{'log':'a2'}}],[{'update':{'log':'a3'}}]],"
      "'b':[[{'update':{'last':'again','n':1}}],[{'update':{'last':'again','n':2}}],"
      "[{'update':{'last':'done','log':'b3'}}]],"
      "'c':[[{'update':{'log':'c1'}}],[],[{'update':{'log':['c3','c3']}}]]}",
      "{'n':5}" },
    { "sends",
      "{" STATE ",'nodes':{'a':{'kind':'act','ends':['w','b']}," ACT("w") "," ACT("b") "," ACT(
          "j") "},'edges':[['START','a'],['w','j'],['b','j']]}",
      "{'a':[[{'update':{'log':'a'},'goto':[{'node':'w','arg':{'item':3}},"
      "{'node':'w','arg':{'item':1}},'b',{'node':'w','arg':{'item':2}},"
      "{'node':'w','arg':{'item':0}}]}]],"
      "'w':[[{'update':{'log':{'$input':'item'},'n':1}}]],"
      "'b':[[{'update':{'log':'b'}}]],'j':[[{'update':{'last':{'$input':'n'},'log':'j'}}]]}",
      "{}" },
    { "defer",
      "{" STATE ",'nodes':{" ACT("a") "," ACT("b") "," ACT("c1") "," ACT(
          "c2") ","
                "'d':{'kind':'act','defer':true}," ACT(
                    "z") "},"
                         "'edges':[['START','a'],['a',['b','c1']],['b','d'],['c1','c2'],['c2','d'],"
                         "['d','z']]}",
      "{'a':[[{'update':{'log':'a'}}]],'b':[[{'update':{'log':'b'}}]],"
      "'c1':[[{'update':{'log':'c1'}}]],'c2':[[{'update':{'log':'c2'}}]],"
      "'d':[[{'update':{'log':'d'}}]],'z':[[{'update':{'log':'z'}}]]}",
      "{}" },
    { "commands",
      "{" STATE ",'nodes':{'a':{'kind':'act','ends':['b','c','d']}," ACT(
          "b") ","
               "'c':{'kind':'act','ends':['d']}," ACT("d") "},'edges':[['START','a']]}",
      "{'a':[[{'update':{'log':'a','n':1},'goto':['c','b']},{'update':{'log':'a+'},"
      "'goto':{'node':'d','arg':{'item':'sent'}}}]],"
      "'b':[[{'update':{'log':'b'}}]],'c':[[{'update':{'log':'c'},'goto':'d'}]],"
      "'d':[[{'update':{'last':{'$input':'item'},'log':'d1'}}],[{'update':{'log':'d2'}}]]}",
      "{'log':'in'}" },
    { "subgraph",
      "{" STATE ",'nodes':{" ACT(
          "a") ",'s':{'kind':'graph','graph':{" CHILD
               ",'nodes':{" ACT("x") "," ACT("y1") "," ACT("y2") "," ACT(
                   "z") "},"
                        "'edges':[['START','x'],['x',['y1','y2']],[['y1','y2'],'z']]}}," ACT(
                            "b") "},"
                                 "'edges':[['START',['a','s']],['s','b'],"
                                 "{'from':'b','switch':'n','cases':{'2':'END'},'default':'s'}]}",
      "{'a':[[{'update':{'log':'a'}}]],'s/x':[[{'update':{'own':'x'}}]],"
      "'s/y1':[[{'update':{'own':'y1'}}]],'s/y2':[[{'update':{'own':'y2'}}]],"
      "'s/z':[[{'update':{'last':{'$input':'own'}}}]],"
      "'b':[[{'update':{'n':1,'log':{'$input':'last'}}}]]}",
      "{}" },
    { "questions",
      "{" STATE ",'nodes':{" ACT("a") "," ACT("p") "," ACT("q") "," ACT("r") "," ACT(
          "e") "},"
               "'edges':[['START','a'],['a',['p','q','r']],[['p','q','r'],'e']]}",
      "{'a':[[{'update':{'log':'a'}}]],"
      "'p':[[{'ask':'p1','into':'log'},{'ask':'p2','into':'log'},{'update':{'n':1}}]],"
      "'q':[[{'ask':'q1','into':'log'}]],'r':[[{'update':{'log':'r'}}]],"
      "'e':[[{'ask':'e1','into':'last'}]]}",
      "{}" },
    { "questions below",
      "{" STATE ",'nodes':{'s':{'kind':'graph','graph':{" CHILD ",'nodes':{" ACT("x") "," ACT(
          "y") "," ACT("z") "},'edges':[['START','x'],['x',['y','z']]]}}"
                            "," ACT("p") "," ACT("e") "},'edges':[['START',['s','p']],[['"
                                                      "s','p'],'e']]}",
      "{'s/x':[[{'update':{'own':'x'}}]],'s/y':[[{'ask':'y1','into':'last'}]],"
      "'s/z':[[{'update':{'own':'z'}}]],'p':[[{'ask':'p1','into':'log'}]],"
      "'e':[[{'update':{'log':{'$input':'last'}}}]]}",
      "{}" },
    { "parent",
      "{" STATE ",'nodes':{'s':{'kind':'graph','ends':['g'],'graph':{" CHILD
      ",'nodes':{" ACT("x") "," ACT("y") "},'edges':[['START','x'],['x','y']]}}," ACT("b") "," ACT(
          "g") "},"
               "'edges':[['START',['s','b']]]}",
      "{'s/x':[[{'update':{'own':'x'}}]],"
      "'s/y':[[{'update':{'log':'y','last':1},'goto':'g','parent':true}]],"
      "'b':[[{'update':{'log':'b'}}]],'g':[[{'update':{'log':'g'}}]]}",
      "{}" },
    { "failures",
      "{" STATE ",'nodes':{" ACT("a") "," ACT("b") "," ACT(
          "c") ",'s':{'kind':'graph','graph':{" CHILD
               ",'nodes':{" ACT("x") "," ACT("y") "},'edges':[['START','x'],['x','y']]}}," ACT(
                   "e") "},'edges':[['START','a'],['a',['b','c','s']],[['b','c','s'],'e']]}",
      "{'a':[[{'update':{'log':'a'}}]],'b':[[{'update':{'log':'b'}}]],"
      "'c':[[{'fail':'ValueError'},{'update':{'log':'c'}}]],"
      "'s/x':[[{'update':{'own':'x'}}]],'s/y':[[{'fail':'KeyError'},{'update':{'last':'y'}}]],"
      "'e':[[{'fail':'E'},{'update':{'log':'e'}}]]}",
      "{}" },
    { "retries",
      "{" STATE ",'nodes':{" ACT(
          "a") ",'r':{'kind':'act','retry':{'max_attempts':3,'on':['E']," QUICK
               "}},'h':{'kind':'act','on_error':{'kind':'act','goto':'k'}}," ACT("k") "," ACT(
                   "e") "},'edges':[['START',['a','r','h']],[['a','r'],'e'],['h','e']]}",
      "{'a':[[{'update':{'log':'a'}}]],'r':[[{'fail':'E','times':2},{'update':{'log':'r'}}]],"
      "'h':[[{'fail':'H','times':99}]],'__error_handler__h':[[{'update':{'log':'handled'}}]],"
      "'k':[[{'update':{'log':'k'}}]],'e':[[{'update':{'log':'e'}}]]}",
      "{}" },
    { "handlers that ask",
      "{" STATE
      ",'nodes':{" ACT("a") ",'h':{'kind':'act','on_error':{'kind':'act','goto':'k'}}," ACT(
          "p") "," ACT("k") "},'edges':[['START',['a','h','p']]]}",
      "{'a':[[{'update':{'log':'a'}}]],'h':[[{'fail':'H','times':99}]],"
      "'p':[[{'ask':'p1','into':'log'}]],"
      "'__error_handler__h':[[{'ask':'h1','into':'log'},{'ask':'h2','into':'last'}]],"
      "'k':[[{'update':{'log':'k'}}]]}",
      "{}" },
    { "lists",
      "{'state':{'log':{'type':'array','reducer':'append'},'talk':{'type':'messages'},"
      "'n':{'type':'integer','reducer':'add'}},'nodes':{" ACT("a") "," ACT(
          "b") "},"
               "'edges':[['START',['a','b']],{'from':'a','switch':'n','cases':{'6':'END'},'default'"
               ":'a'},"
               "['a','b']]}",
      "{'a':[[{'update':{'log':[1,2],'n':1,'talk':[{'role':'user','content':'u1','id':'u1'}]}}],"
      "[{'update':{'log':3,'n':1,'talk':[{'role':'ai','content':'v2','id':'a2'}]}}],"
      "[{'update':{'log':{'__overwrite__':['new']},'n':1}}],"
      "[{'update':{'n':1,'talk':[{'type':'remove','id':'u1','content':''}]}}],"
      "[{'update':{'log':[],'n':1}}],"
      "[{'update':{'log':'end','n':1,'talk':[{'role':'ai','content':'v6','id':'a2'}]}}]],"
      "'b':[[{'update':{'log':'b1','talk':[{'role':'user','content':'w1','id':'w1'}]}}],"
      "[{'update':{'log':['b2','b2']}}],[{'update':{'talk':[{'role':'user','content':'w2',"
      "'id':'w1'}]}}],[{'update':{'log':'b4'}}]]}",
      "{'log':['in']}" },
};
const int laws_case_count = (int)(sizeof(laws_cases) / sizeof(laws_cases[0]));

const struct laws_case *laws_find_case(const char *name)
{
    for (int i = 0; i < laws_case_count; i++)
        if (strcmp(laws_cases[i].name, name) == 0)
            return &laws_cases[i];
    ck_abort_msg("no case \"%s\"", name);
    return NULL;
}
