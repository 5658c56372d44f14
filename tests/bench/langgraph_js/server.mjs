// usage: node server.mjs      prints the port it listens on
import { createServer } from 'node:http';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({
  q: Annotation(),
  a: Annotation(),
  log: Annotation({ reducer: (old, more) => old.concat(more), default: () => [] }),
});
const graph = new StateGraph(State)
  .addNode('one', (state) => ({ log: [`one ${state.q}`] }))
  .addNode('two', (state) => ({ log: ['two'], a: `answer to ${state.q}` }))
  .addEdge(START, 'one')
  .addEdge('one', 'two')
  .addEdge('two', END)
  .compile();

const server = createServer(async (request, response) => {
  let text = '';
  for await (const part of request) text += part;
  const body = JSON.stringify(await graph.invoke(JSON.parse(text).input));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
