"""The teacher's loop on the page: an assignment opens as a lesson, hand-ins are collated at ``/class``.

1. ``answers``  what a view asks and whether an answer to it is right, computed again
2. ``table``    a class as the page draws it
3. ``shipped``  assignments that come with the project, and the opening of any
4. ``asks``     small questions of the page: a number of a view, a QR code, the test before and after
5. ``pages``    the two places on the page, and what they may ask

The chapters under :mod:`attention.course` know files, marks and the class; here they meet the tabs.
"""
