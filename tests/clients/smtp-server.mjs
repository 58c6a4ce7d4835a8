// A mail server for the service to hand its mails to: `node smtp-server.mjs PORT plain|starttls|implicit [KEY CERTIFICATE]`.
// Encrypted it lets in only `chatterbox` with the password `hunter2`. Says `listening PORT`, and then each mail as JSON, on a line.
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

const [port, encryption, key, certificate] = process.argv.slice(2);
const encrypted = encryption !== "plain";

const server = new SMTPServer({
  secure: encryption === "implicit",
  hideSTARTTLS: !encrypted,
  authOptional: !encrypted,
  ...(encrypted && { key: readFileSync(key), cert: readFileSync(certificate) }),
  onAuth({ username, password }, session, done) {
    const known = username === "chatterbox" && password === "hunter2";
    done(known ? null : new Error("who is that?"), { user: username });
  },
  async onData(stream, session, done) {
    const { mailFrom, rcptTo } = session.envelope;
    const mail = { from: mailFrom.address, to: rcptTo.map(({ address }) => address), encrypted: session.secure };
    console.log(JSON.stringify({ ...mail, text: await text(stream) }));
    done();
  },
});
server.on("error", (error) => console.error(error.message));
server.listen(Number(port), "127.0.0.1", () => console.log(`listening ${server.server.address().port}`));
