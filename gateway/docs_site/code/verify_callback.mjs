import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 300;

// Whether an event was signed with your secret, whsec_…, within the last five minutes. body: the bytes as they came.
export function isFromThePlatform(headers, body, secret) {
  const sentAt = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > TOLERANCE_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const hmac = createHmac("sha256", key).update(`${headers["webhook-id"]}.${sentAt}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  // Several signatures are sent while a rotated secret is still valid: one that fits is enough.
  return headers["webhook-signature"].split(" ").some((given) => {
    const signature = Buffer.from(given);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}
