/** Without letters and digits that are taken for one another when they are read out. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/** A password that nobody guesses (more than 110 bits), in groups that can be read out. */
export function newPassword(): string {
  const picked: string[] = [];
  while (picked.length < 20) {
    // What would make some letters likelier than others is passed over.
    const [byte = 255] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < LETTERS.length * Math.floor(256 / LETTERS.length)) picked.push(LETTERS.charAt(byte % LETTERS.length));
  }
  return [0, 5, 10, 15].map((at) => picked.slice(at, at + 5).join("")).join("-");
}
