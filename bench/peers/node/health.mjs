// `services/health` in Node.
import { tell } from "./telling.mjs";

export async function handle(event, context) {
  const started = performance.now();
  const found = event.rawPath === "/" && event.requestContext.http.method === "GET";
  return tell(event, context, found ? { statusCode: 200, body: "healthy" } : { statusCode: 404, body: "" }, started);
}
