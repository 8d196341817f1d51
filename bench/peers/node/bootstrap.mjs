// A small runtime for Node: asks the Runtime API over one kept connection and hands events to `handle` of the module in
// argv[2]. It does less than Lambda's own, whose package (aws-lambda-ric) compiles curl on installation.
import http from "node:http";
import { pathToFileURL } from "node:url";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const { handle } = await import(pathToFileURL(process.argv[2]));
for (;;) {
  const next = await call("GET", "invocation/next");
  const id = next.headers["lambda-runtime-aws-request-id"];
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  };
  try {
    const answer = await handle(JSON.parse(next.body), context);
    await call("POST", `invocation/${id}/response`, JSON.stringify(answer));
  } catch (fault) {
    await call("POST", `invocation/${id}/error`, JSON.stringify({ errorType: fault.name, errorMessage: fault.message }));
  }
}
