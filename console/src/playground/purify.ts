import DOMPurify from "dompurify";
import { ATTRIBUTES, TAGS } from "~/playground/markdown-html";

/** The second lock: whatever the renderer may have let through, nothing but this list reaches the page. */
export function purified(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    // Asked of every attribute: words without a scheme pass, too. Images that are data are let through by a rule of its own.
    ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
  });
}
