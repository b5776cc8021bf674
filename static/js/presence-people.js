// Draws who is here: initials for the eye, name and place for everybody; a press follows.

/** @typedef {import("./presence.js").Person} Person */

/**
 * @param {Element} list a <ul>
 * @param {Person[]} people
 * @param {number} followed the person's id, 0 for nobody
 * @param {(person: Person) => void} onChoose
 */
export function drawPeople(list, people, followed, onChoose) {
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
  row.append(person.is_me ? avatar("span", person, `you, ${person.name}: ${person.words}`) : button(person, person.user === followed, onChoose));
  return row;
}

/** @param {Person} person @param {boolean} isFollowed @param {(person: Person) => void} onChoose */
function button(person, isFollowed, onChoose) {
  const words = `${person.name}${person.is_guest ? " (guest)" : ""}: ${person.words}`;
  const made = /** @type {HTMLButtonElement} */ (avatar("button", person, words));
  made.type = "button";
  made.title = `${words}. ${isFollowed ? "Press to stop following." : "Press to follow."}`;
  made.setAttribute("aria-pressed", String(isFollowed));
  made.setAttribute("aria-label", `${words}. Follow`);
  made.addEventListener("click", () => onChoose(person));
  return made;
}

/** @param {string} tag @param {Person} person @param {string} words */
function avatar(tag, person, words) {
  const made = document.createElement(tag);
  made.className = `avatar${person.is_guest ? " is-guest" : ""}`;
  made.dataset["user"] = String(person.user);
  made.title = words;
  const initials = document.createElement("span");
  initials.setAttribute("aria-hidden", "true");
  initials.textContent = person.initials;
  const name = document.createElement("span");
  name.className = "visually-hidden";
  name.textContent = words;
  made.append(initials, name);
  return made;
}
