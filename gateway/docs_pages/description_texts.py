"""What the API's description and the models say. Written by `manage.py make_messages`."""

from django.utils.translation import gettext_noop as _

# fmt: off
DESCRIPTIONS = (
    _("1 is the voice's own speed."),  # noqa: E501
    _("1 to 100, 20 when not given"),  # noqa: E501
    _("1 to 200 rows, 50 when not given"),  # noqa: E501
    _("1080p videos have 5 or 8 seconds"),  # noqa: E501
    _("A call with this Idempotency-Key is under way, or its state does not allow it"),  # noqa: E501
    _("A fault of ours"),  # noqa: E501
    _("A hint for the model, such as query or document; any string is accepted."),  # noqa: E501
    _("A language code such as en, zh or ja, or auto."),  # noqa: E501
    _("A language code such as ko, or a name such as korean; found out by itself when left out."),  # noqa: E501
    _("A page of the account's keys, newest first, ended ones included."),  # noqa: E501
    _("A sample of the voice, such as WAV or MP3."),  # noqa: E501
    _("A spoken dialogue of several voices, in more than thirty languages."),  # noqa: E501
    _("A text, an array of texts, an array of token ids, or an array of such arrays."),  # noqa: E501
    _("A video without its background, or with another."),  # noqa: E501
    _("About one megapixel, or four."),  # noqa: E501
    _("Above 0, words become less likely each time they occur."),  # noqa: E501
    _("Above 0, words that have occurred become less likely."),  # noqa: E501
    _("An address of yours that is told when the task has ended."),  # noqa: E501
    _("An image to put behind instead."),  # noqa: E501
    _("An image with another face in it."),  # noqa: E501
    _("An image without its background."),  # noqa: E501
    _("Another name for input; give one of the two."),  # noqa: E501
    _("Another name for instruct; give one of the two."),  # noqa: E501
    _("As in the X-Request-Id header of the call's answer."),  # noqa: E501
    _("Bits a second."),  # noqa: E501
    _("Calls, credits, errors, tokens and latency by key, member, model, endpoint and outcome, over time."),  # noqa: E501
    _("Chooses only from the likeliest words that together have this probability."),  # noqa: E501
    _("Credits, with at most six decimals. Answers give a decimal string."),  # noqa: E501
    _("Ended calls as CSV, newest first. What a spreadsheet would take for a formula starts with '."),  # noqa: E501
    _("Ended calls, newest first."),  # noqa: E501
    _("Events and where they stand, newest first."),  # noqa: E501
    _("Forces a form of answer, such as a JSON object or schema."),  # noqa: E501
    _("Functions that the model may ask to have called."),  # noqa: E501
    _("Grants, captures, expiries and refunds, newest first."),  # noqa: E501
    _("Height in pixels."),  # noqa: E501
    _("How freely words are chosen: 0 is the most predictable."),  # noqa: E501
    _("How freely words are chosen: 0 is the most predictable; 0.1 when left out."),  # noqa: E501
    _("How many answers to generate; each is paid for."),  # noqa: E501
    _("How many images; each is paid for."),  # noqa: E501
    _("How many readings are weighed against one another; more are slower."),  # noqa: E501
    _("How many steps the image takes; more take longer and cost more."),  # noqa: E501
    _("How much is spent on detail."),  # noqa: E501
    _("How much the model thinks before it answers."),  # noqa: E501
    _("How often calls were refused, by code, endpoint and key, over time."),  # noqa: E501
    _("How to speak: a style or a tone, in words."),  # noqa: E501
    _("IANA name, as in Asia/Seoul"),  # noqa: E501
    _("Images by Black Forest Labs; up to eight images may be given to work from."),  # noqa: E501
    _("Images by ByteDance, drawn from text or made by editing up to ten images."),  # noqa: E501
    _("Images by OpenAI; up to sixteen images may be given to work from."),  # noqa: E501
    _("Images to edit."),  # noqa: E501
    _("Images to work from."),  # noqa: E501
    _("Issue a key. `key` is its text, shown this once."),  # noqa: E501
    _("Issue a successor under the same terms; the old key works `overlap_s` seconds longer."),  # noqa: E501
    _("Korean, English, Chinese or Japanese."),  # noqa: E501
    _("Lines of { text, voice }, spoken one after the other; a line may leave out its voice."),  # noqa: E501
    _("Lower varies more, higher is more even; the model has the steps 0, 0.5 and 1."),  # noqa: E501
    _("Make a new secret; the old one's signature is sent beside it for a day, or `overlap_s` seconds."),  # noqa: E501
    _("Mood, instruments, tempo and style, in words."),  # noqa: E501
    _("One call: its price and how it came about, its outcome, and where the time went."),  # noqa: E501
    _("One delivery with every attempt."),  # noqa: E501
    _("One key, live or ended."),  # noqa: E501
    _("One song in the style that is described, with your lyrics if you have any."),  # noqa: E501
    _("Only audio: the bytes themselves, as they come."),  # noqa: E501
    _("Only b64_json: images come inside the answer."),  # noqa: E501
    _("Only false: this endpoint answers in one piece."),  # noqa: E501
    _("Options of a stream: include_usage adds a chunk with the token counts."),  # noqa: E501
    _("Over capacity; try again shortly"),  # noqa: E501
    _("Rename a key, or change its caps and expiry: all of what is asked for, or nothing."),  # noqa: E501
    _("Return only so many, the best first."),  # noqa: E501
    _("Revoke a key for good: calls that start after this answer are refused. Repeatable."),  # noqa: E501
    _("Samples a second."),  # noqa: E501
    _("Seconds that events carry the old secret's signature too; 0 ends all old secrets at once."),  # noqa: E501
    _("Seconds that the old key keeps working; 0 revokes it at once."),  # noqa: E501
    _("Seconds, as a number or as text."),  # noqa: E501
    _("Seconds, as a number or as text; 10 only below 1080p."),  # noqa: E501
    _("Send the event again now, under its own id, whatever came of it before."),  # noqa: E501
    _("Suno's version; all cost the same."),  # noqa: E501
    _("Tell it of nothing more; tasks' own callback_url are told as before."),  # noqa: E501
    _("Tell this URL of every task's end, and of what still waits; enables it again after a 410."),  # noqa: E501
    _("Texts at which the answer ends."),  # noqa: E501
    _("The API key is missing, unknown, revoked or expired"),  # noqa: E501
    _("The account is suspended, or the call is outside the key's scope"),  # noqa: E501
    _("The audio file."),  # noqa: E501
    _("The body did not arrive in time"),  # noqa: E501
    _("The body is larger than the limit"),  # noqa: E501
    _("The call took longer than the endpoint's time limit"),  # noqa: E501
    _("The candidates to rank, as an array of strings."),  # noqa: E501
    _("The candidates to rank: strings, or objects with a text."),  # noqa: E501
    _("The conversation so far: objects with a role and content, oldest first."),  # noqa: E501
    _("The credits, or the key's cap, are below the call's ceiling price"),  # noqa: E501
    _("The delivery's id, as the list of deliveries says."),  # noqa: E501
    _("The first image; its shape decides the video's."),  # noqa: E501
    _("The image to change."),  # noqa: E501
    _("The image with the face to put in."),  # noqa: E501
    _("The image."),  # noqa: E501
    _("The image: JPG, PNG, WEBP or GIF."),  # noqa: E501
    _("The images' file format."),  # noqa: E501
    _("The key's id, not its text."),  # noqa: E501
    _("The length in seconds."),  # noqa: E501
    _("The length of the vectors, where the model lets it be chosen."),  # noqa: E501
    _("The lyrics: up to 3,000 characters, from version 4.5 up to 5,000."),  # noqa: E501
    _("The lyrics; without them the song has no voice."),  # noqa: E501
    _("The model's server failed"),  # noqa: E501
    _("The model's slug or an alias; the endpoint's default model answers when it may be left out."),  # noqa: E501
    _("The model's slug; the tools need none."),  # noqa: E501
    _("The most tokens that may be generated. It bounds the price that is held."),  # noqa: E501
    _("The newer name of max_tokens; either bounds the price that is held."),  # noqa: E501
    _("The question, instruction or text."),  # noqa: E501
    _("The request cannot be carried out as written"),  # noqa: E501
    _("The result's format."),  # noqa: E501
    _("The same seed gives about the same video."),  # noqa: E501
    _("The same seed makes the same request more likely to be answered the same."),  # noqa: E501
    _("The secret that events are signed with."),  # noqa: E501
    _("The shorter side's pixels."),  # noqa: E501
    _("The song's title."),  # noqa: E501
    _("The sound's format; mp3 when left out, or wav where the model has no other."),  # noqa: E501
    _("The style or genre of lyrics that you give."),  # noqa: E501
    _("The style, mood and instruments."),  # noqa: E501
    _("The task's id, as the answer that opened it said."),  # noqa: E501
    _("The text to embed."),  # noqa: E501
    _("The text to read aloud."),  # noqa: E501
    _("The text to speak in that voice."),  # noqa: E501
    _("The transcript's format."),  # noqa: E501
    _("The video."),  # noqa: E501
    _("There is no such thing here, or no such account, model or task"),  # noqa: E501
    _("This Idempotency-Key was used with another body"),  # noqa: E501
    _("Too many calls, or the trial's calls of the day are used up"),  # noqa: E501
    _("Two songs: of your lyrics in a style (prompt, style, title), or of a description (gpt_description_prompt)."),  # noqa: E501
    _("URLs, once it has succeeded"),  # noqa: E501
    _("Videos of 3 to 15 seconds by Kuaishou, from text or from a first image, with sound unless it is turned off."),  # noqa: E501
    _("Videos of 4 to 12 seconds by ByteDance, from text or from a first image, with sound where it is asked for."),  # noqa: E501
    _("Videos of 5, 8 or 10 seconds, from text or from a first image, with sound where it is asked for."),  # noqa: E501
    _("WIDTHxHEIGHT in pixels, as in 1024x1024, or auto."),  # noqa: E501
    _("What happens in the video."),  # noqa: E501
    _("What is available and held, the grants it is left of, and the trial calls left today."),  # noqa: E501
    _("What is said in the sample; recommended when x_vector_only_mode is false."),  # noqa: E501
    _("What the candidates are compared with."),  # noqa: E501
    _("What the image should not show."),  # noqa: E501
    _("What the image shows, or what to change."),  # noqa: E501
    _("What the image shows."),  # noqa: E501
    _("What the song is about; its lyrics are made up."),  # noqa: E501
    _("What to leave out."),  # noqa: E501
    _("What to look for; when left out, the image is described and its text extracted."),  # noqa: E501
    _("What verbose_json gives times for: words, segments, or both."),  # noqa: E501
    _("Where every task's end is told; `url` is null where nowhere."),  # noqa: E501
    _("Whether a tool must, may or must not be called, or which one."),  # noqa: E501
    _("Whether stretches without speech are left out."),  # noqa: E501
    _("Whether the answer is sent as server-sent events while it is generated."),  # noqa: E501
    _("Whether the camera stands still."),  # noqa: E501
    _("Whether the model's reasoning is part of the answer."),  # noqa: E501
    _("Whether the prompt is worked out before the video is made."),  # noqa: E501
    _("Whether the results repeat the documents' texts."),  # noqa: E501
    _("Whether the video has sound."),  # noqa: E501
    _("Whether to draw or to edit; edit where images are given."),  # noqa: E501
    _("Whether to leave out the voice."),  # noqa: E501
    _("Whether vectors are arrays of numbers, or base64 of 32-bit floats."),  # noqa: E501
    _("Which of a signed-in member's accounts, as in acct_…"),  # noqa: E501
    _("Which of the image's faces to change, where there are several."),  # noqa: E501
    _("Who speaks: a voice's name, or an object with its id."),  # noqa: E501
    _("Who speaks; GET /api/tts lists the speakers."),  # noqa: E501
    _("Width in pixels."),  # noqa: E501
    _("Width to height."),  # noqa: E501
    _("Words that help with names and style, in the language of the sound."),  # noqa: E501
    _("Your own name for the end user, passed on to the model's server."),  # noqa: E501
    _("`next` of the page before"),  # noqa: E501
    _("a key's id, or \"session\" for signed-in members"),  # noqa: E501
    _("a task's id"),  # noqa: E501
    _("available plus held, after the capture"),  # noqa: E501
    _("available plus held, after the entry"),  # noqa: E501
    _("basic is 2K, high 4K; both cost the same."),  # noqa: E501
    _("before this moment"),  # noqa: E501
    _("calls that started before"),  # noqa: E501
    _("calls that started then or later"),  # noqa: E501
    _("capture less refunds"),  # noqa: E501
    _("e-mail address of a member who called signed in"),  # noqa: E501
    _("editing needs at least one image"),  # noqa: E501
    _("events before that moment"),  # noqa: E501
    _("events of that moment or later"),  # noqa: E501
    _("from this moment on, as in 2026-02-25T12:00:00Z"),  # noqa: E501
    _("give it as `after` for the next page"),  # noqa: E501
    _("give it as `after` for the page that follows"),  # noqa: E501
    _("give it or prompt (lyrics), not both"),  # noqa: E501
    _("give prompt (lyrics) or gpt_description_prompt"),  # noqa: E501
    _("gross less refunded"),  # noqa: E501
    _("images are only used with the type edit"),  # noqa: E501
    _("kept by calls under way"),  # noqa: E501
    _("negative where credits went"),  # noqa: E501
    _("not spent yet, what is held included"),  # noqa: E501
    _("null while it runs, or was cut short"),  # noqa: E501
    _("null: a key called"),  # noqa: E501
    _("null: a signed-in member called"),  # noqa: E501
    _("null: until as_of"),  # noqa: E501
    _("of all calls but expired ones"),  # noqa: E501
    _("one of succeeded, partial, rejected, failed, timed_out, cancelled, expired, in_flight"),  # noqa: E501
    _("one or more, separated by commas"),  # noqa: E501
    _("pro is fast, flex follows the prompt more closely."),  # noqa: E501
    _("rejected, failed, timed out or expired"),  # noqa: E501
    _("std is 720p, pro 1080p."),  # noqa: E501
    _("the ceiling price that was held"),  # noqa: E501
    _("the first kilobyte, of refusals only"),  # noqa: E501
    _("the webhook-id header, the same over all attempts"),  # noqa: E501
    _("those with credits left, the first to expire first; at most 100"),  # noqa: E501
    _("transcribe keeps the language that is spoken; translate answers in English."),  # noqa: E501
    _("true copies the timbre only and is faster; false also copies prosody and style, for which ref_text is recommended."),  # noqa: E501
    _("until the first byte or token, of calls that had one"),  # noqa: E501
    _("upstream attempts that failed before this one"),  # noqa: E501
    _("when the secrets before this one stop being signed with"),  # noqa: E501
    _("whsec_… as Standard Webhooks libraries take it"),  # noqa: E501
)
# fmt: on
