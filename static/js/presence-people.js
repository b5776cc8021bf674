// Draws who else is here: initials for the eye, name and place for everybody; a press follows.
// One's own face is in the corner of every page already.

/** @typedef {import("./presence.js").Person} Person */

/**
 * @param {Element} list a <ul>
 * @param {Person[]} everybody
 * @param {number} followed the person's id, 0 for nobody
 * @param {(person: Person) => void} onChoose
 */
export function drawPeople(list, everybody, followed, onChoose) {
  const people = everybody.filter((person) => !person.is_me);
  const wanted = people.map((person) => JSON.stringify([person.user, person.words, person.user === followed]));
  const had = [...list.children].map((item) => /** @type {HTMLElement} */ (item).dataset["is"]);
  if (had.length === wanted.length && had.every((one, index) => one === wanted[index])) return;
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset["user"];
  list.replaceChildren(...people.map((person, index) => item(person, wanted[index] ?? "", followed, onChoose)));
  if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-user="${focused}"]`))?.focus();
}

/** @param {Person} person @param {string} is @param {number} followed @param {(person: Person) => void} onChoose */
function item(person, is, followed, onChoose) {
  const row = document.createElement("li");
  row.dataset["is"] = is;
  row.append(button(person, person.user === followed, onChoose));
  return row;
}

/** @param {Person} person @param {boolean} isFollowed @param {(person: Person) => void} onChoose */
function button(person, isFollowed, onChoose) {
  const words = `${person.name}${person.is_guest ? " (guest)" : ""}: ${person.words}`;
  const made = avatar(person);
  made.title = `${words}. ${isFollowed ? "Press to stop following." : "Press to follow."}`;
  made.setAttribute("aria-pressed", String(isFollowed));
  made.setAttribute("aria-label", `${words}. Follow`);
  made.addEventListener("click", () => onChoose(person));
  return made;
}

/** @param {Person} person */
function avatar(person) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `avatar${person.is_guest ? " is-guest" : ""}`;
  made.dataset["user"] = String(person.user);
  made.textContent = person.initials;
  return made;
}
