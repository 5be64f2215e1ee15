"""The hand-in: the few pages that are marked, apart from the appendix that holds everything else.

``claims`` says which sentences stand, ``parts`` what they and the pictures need, ``fitting`` how
much of it the allowed pages and words take.
"""
