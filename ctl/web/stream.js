// All answers reach the page in one stream, which the server ends when none is due. What is asked for while that end is
// still on its way would never be answered: Gradio's client takes the stream for an open one and opens no other. So the
// end is kept from the client as long as an answer is due, and the stream goes on in the next one.
const MESSAGE = /^data: \{"msg":"(\w+)","event_id":"?(\w+)/;
const {fetch} = window;
let asking = 0; // requests whose event has no id yet
const due = new Set(); // ids of events that are to be answered
const ahead = new Set(); // ids of those that were answered before they were known

async function ask(request) {
  asking += 1;
  try {
    const response = await fetch(...request);
    const {event_id: event} = response.ok ? await response.clone().json() : {};
    if (event && !ahead.delete(event)) due.add(event);
    return response;
  } finally {
    asking -= 1;
  }
}

async function listen(request) {
  const response = await fetch(...request);
  const {readable, writable} = new TextEncoderStream();
  const writer = writable.getWriter();
  relay(request, response, writer).then(() => writer.close()).catch(error => writer.abort(error).catch(() => {}));
  return new Response(readable, response);
}

async function relay(request, response, writer) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let begun = "";;) {
    const {value, done} = await reader.read();
    if (done) return;
    const lines = value.split("\n");
    lines[0] = begun + lines[0];
    begun = lines.pop();
    for (const line of lines.filter(Boolean)) {
      const [, message, event] = line.match(MESSAGE) ?? [];
      if (message === "process_completed" && !due.delete(event)) ahead.add(event);
      if (message === "close_stream" && asking + due.size) return relay(request, await fetch(...request), writer);
      await writer.write(`${line}\n\n`);
    }
  }
}

window.fetch = (...request) => {
  const {pathname} = new URL(request[0].url ?? request[0], location);
  if (pathname.endsWith("/queue/join")) return ask(request);
  if (pathname.endsWith("/queue/data")) return listen(request);
  return fetch(...request);
};
