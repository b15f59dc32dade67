"""Test only. Never imported by what runs."""
