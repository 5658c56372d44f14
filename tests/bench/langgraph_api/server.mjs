// usage: node server.mjs FOLDER      LangGraph's own server, in memory; prints the port it listens on. FOLDER: what it writes.
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startServer } from '@langchain/langgraph-api/server';

const probe = createServer();
await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
const { port } = probe.address();
await new Promise((resolve) => probe.close(resolve));

const log = console.log;
console.log = console.error;
const { cleanup } = await startServer({
  port, nWorkers: 10, host: '127.0.0.1', cwd: process.argv[2],
  graphs: { pair: `${fileURLToPath(new URL('pair.mjs', import.meta.url))}:graph` },
});
log(port);
process.on('SIGTERM', () => process.exit(0));
