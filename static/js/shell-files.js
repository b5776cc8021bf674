// Files into a machine by dropping them on its terminal, and out of it by name.

/** @typedef {{ url: string, mib: number, say: (text: string) => void }} Where */

/** @returns {string} */
function token() {
  const headers = document.body.getAttribute("hx-headers");
  return headers ? JSON.parse(headers)["X-CSRFToken"] : "";
}

/** @param {Where} where @param {File} file */
async function send(where, file) {
  if (file.size > where.mib * 1024 * 1024) {
    where.say(`${file.name} is larger than ${where.mib} MiB.`);
    return;
  }
  where.say(`Sending ${file.name} …`);
  const body = new FormData();
  body.append("file", file);
  const answer = await fetch(where.url, { method: "POST", body, headers: { "X-CSRFToken": token() } });
  where.say(answer.status < 500 && answer.status !== 403 ? await answer.text() : "It was not sent.");
}

/** @param {Where} where @param {string} name */
async function bring(where, name) {
  if (!name) return;
  where.say(`Fetching ${name} …`);
  const answer = await fetch(`${where.url}?name=${encodeURIComponent(name)}`);
  if (!answer.ok) {
    where.say(answer.status === 409 ? await answer.text() : "It was not fetched.");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
  where.say(`${name} is fetched.`);
}

/**
 * @param {HTMLElement} frame where files are dropped
 * @param {HTMLInputElement | null} name
 * @param {HTMLElement | null} button
 * @param {Where} where
 */
export function mountFiles(frame, name, button, where) {
  const failed = () => where.say("The dashboard does not answer; nothing was copied.");
  frame.addEventListener("dragover", (event) => event.preventDefault());
  frame.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    void files.reduce((before, file) => before.then(() => send(where, file)), Promise.resolve()).catch(failed);
  });
  button?.addEventListener("click", () => void bring(where, name?.value.trim() ?? "").catch(failed));
}
