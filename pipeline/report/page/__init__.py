"""Pages for a browser: one release, or a whole environment. Pure: values in, one self-contained document out.

No script, no font, no picture and no address is fetched, and the page's own policy forbids all of them. Whatever is
foreign goes through `html`, which escapes it.
"""
