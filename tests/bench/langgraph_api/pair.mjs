// The graph `pair` of tests/bench/run.
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({ q: Annotation(), a: Annotation(), b: Annotation() });
export const graph = new StateGraph(State)
  .addNode('one', (state) => ({ a: `one ${state.q}` }))
  .addNode('two', (state) => ({ b: `answer to ${state.q}` }))
  .addEdge(START, 'one')
  .addEdge('one', 'two')
  .addEdge('two', END)
  .compile();
