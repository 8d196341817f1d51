// `services/hello` in Node.
import { tell } from "./telling.mjs";

export async function handle(event, context) {
  const started = performance.now();
  const name = event.queryStringParameters?.name ?? "world";
  return tell(event, context, { statusCode: 200, body: `Hello, ${name}!` }, started);
}
