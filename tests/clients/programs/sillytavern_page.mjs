// SillyTavern's own page in a real browser: connected to the server as a user does it by hand, and one message sent.
import { API_KEY, BASE_URL, MODEL, tell } from "./telling.mjs";
import { reached } from "./inside.mjs";
import { chromium } from "playwright-core";

const { SILLYTAVERN_URL, CHROMIUM } = process.env;

// The last flags keep the browser itself inside the machine: none of its services, and no name that is looked up.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

async function chat() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") reached.push(hostname);
  });
  try {
    return await connectAndTalk(page);
  } finally {
    await browser.close();
  }
}

async function connectAndTalk(page) {
  await page.goto(SILLYTAVERN_URL);
  await page.locator("dialog[open]").getByText("Save", { exact: true }).click(); // the welcome, which asks for a name

  await page.getByTitle("API Connections", { exact: true }).click();
  await page.locator("#main_api").selectOption({ label: "Chat Completion" });
  await page.locator("#chat_completion_source").selectOption({ label: "Custom (OpenAI-compatible)" });
  await page.locator("#custom_api_url_text").fill(BASE_URL);
  await page.locator("#api_key_custom").fill(API_KEY);
  await page.locator("#custom_model_id").fill(MODEL);
  await page.locator("#api_button_openai").click();
  const status = page.locator("#openai_api .online_status_text");
  await status.getByText("Valid").waitFor();

  await page.getByTitle("AI Response Configuration", { exact: true }).click();
  await page.locator("#openai_max_tokens").fill("24");

  await page.locator("#send_textarea").fill("Name a river.");
  await page.locator("#send_but").click();
  const answer = page.locator("#chat .last_mes[is_user=false] .mes_text");
  await answer.getByText(/\w/).waitFor();
  await page.locator("#send_but").waitFor(); // it comes back when the answer is whole
  return { status: await status.textContent(), answer: await answer.textContent() };
}

await tell({ chat });
