// How times and durations look in the log and the list of steps.

/** @typedef {"relative" | "absolute" | "off"} Stamps */

/**
 * A line's time: "+12:03.1" since the start, or the local clock "15:04:05.123".
 * @param {number} ms
 * @param {number} startMs
 * @param {Stamps} stamps
 */
export function stamp(ms, startMs, stamps) {
  if (stamps === "off") return "";
  if (stamps === "absolute") return clock(new Date(ms));
  const tenths = Math.floor(Math.abs(ms - startMs) / 100);
  return `${ms < startMs ? "-" : "+"}${duration(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** @param {Date} date */
function clock(date) {
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${parts}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** @param {number} seconds @returns {string} "0:42", "12:03", "1:02:03" */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number} number @returns {string} */
function two(number) {
  return String(number).padStart(2, "0");
}

/** @param {number} number @returns {string} "41,208" */
export function grouped(number) {
  return number.toLocaleString("en");
}
