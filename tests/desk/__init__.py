"""The desk: nobody sees, opens or changes what role and scope do not allow, and all of it is on record."""
